import { formatProblem, loadTopology } from '../topology/load.ts';
import { Failure, reportFailure } from './failure.ts';

/** `signalbox check FILE`: what is wrong and what would be right, or what the plant consists of. */
export function check(file: string): Promise<void> {
  return reportFailure(async () => {
    const result = await loadTopology(file);
    if (!result.ok) {
      const errors = result.problems.filter((problem) => problem.severity === 'error').length;
      throw new Failure(
        ...result.problems.map((problem) => formatProblem(problem)),
        `${file}: ${errors} ${errors === 1 ? 'error' : 'errors'}`,
      );
    }
    for (const warning of result.warnings) console.log(formatProblem(warning));
    const { sites, assets, devices, connections } = result.plant;
    const points = [...devices.values()].reduce((sum, device) => sum + device.points.length, 0);
    const rules = [...assets.values()].reduce((sum, asset) => sum + asset.rules.length, 0);
    console.log(
      `${file} is sound: ${sites.size} sites, ${assets.size} assets, ${devices.size} devices with ${points} points on ${connections.size} connections, ${rules} rules`,
    );
  });
}
