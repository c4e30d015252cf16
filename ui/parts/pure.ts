import { Component, type FunctionComponent, h } from 'preact';

/**
 * A part that is drawn again only when one of its properties was replaced. For rows of long lists: when one alarm changes, the
 * other rows are not even looked at. What is passed in must keep its identity as long as it means the same.
 */
export function pure<Props extends object>(part: FunctionComponent<Props>): new (props: Props) => Component<Props> {
  return class extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const before = new Map<string, unknown>(Object.entries(this.props));
      const after = Object.entries(next);
      return after.length !== before.size || after.some(([name, value]) => !Object.is(before.get(name), value));
    }

    override render() {
      return h(part, this.props);
    }
  };
}
