#!/usr/bin/env bash
#   ./secrets.sh [CLIENT ...]
# Makes what the composition must not have by default: passwords, certificates, and the folders that its services write to;
# and a certificate for each client of the broker that is named. Run it as the user whom the services are to run as, not as
# root. Passwords and certificates that are there are kept, so running it again does no harm. To replace one, delete its file,
# run this again and restart what uses it; PostgreSQL has to be told by "alter role" besides.
set -euo pipefail
umask 077
cd "$(dirname "$0")"

# openssl is on every machine that has TLS; 48 hexadecimal digits need no escaping in an URL or a configuration file.
command -v openssl > /dev/null || { echo 'secrets.sh: openssl is missing' >&2; exit 1; }
uid=${SIGNALBOX_UID:-$(id -u)}
gid=${SIGNALBOX_GID:-$(id -g)}
if [ "$uid" = 0 ]; then
  echo 'secrets.sh: run it as an ordinary user, or name one: SIGNALBOX_UID=1000 SIGNALBOX_GID=1000' >&2
  exit 1
fi
days=${CERTIFICATE_DAYS:-825}
mkdir -p secrets state

password() { openssl rand -hex 24; }
# secret NAME: the password of that name, made where it is missing.
secret() {
  [ -s "secrets/$1" ] || password > "secrets/$1"
  cat "secrets/$1"
}
# derived FILE: what programs read, written anew from the passwords each time.
derived() { cat > "secrets/$1.new" && mv "secrets/$1.new" "secrets/$1"; }

if [ ! -s secrets/ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=Signalbox authority' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
    -keyout secrets/ca.key -out secrets/ca.pem 2> /dev/null
  echo 'made secrets/ca.pem'
fi

# certificate NAME USAGE: for the service of that name, or for a client whose name it is.
certificate() {
  local name=$1 usage=$2
  [ -s "secrets/$name.pem" ] && return
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "secrets/$name.key" -out "secrets/$name.csr" 2> /dev/null
  openssl x509 -req -in "secrets/$name.csr" -CA secrets/ca.pem -CAkey secrets/ca.key -CAcreateserial -days "$days" \
    -extfile <(printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=DNS:%s,DNS:localhost%s\n' \
      "$usage" "$name" "${PUBLIC_NAME:+,DNS:$PUBLIC_NAME}") \
    -out "secrets/$name.pem" 2> /dev/null
  rm "secrets/$name.csr"
  echo "made secrets/$name.pem"
}

for server in nats postgres redis; do certificate "$server" serverAuth; done
# The broker asks itself whether it is well, as one of its clients. PUBLIC_NAME: the name by which devices reach it.
certificate mosquitto serverAuth,clientAuth
# Whoever speaks with the broker has a certificate; its name is the user that mosquitto.acl speaks of.
for client in signalbox-core signalbox-edge "${@}"; do certificate "$client" clientAuth; done

nats=$(secret nats-password)
edge=$(secret edge-password)
postgres=$(secret postgres-password)
questdb=$(secret questdb-password)
redis=$(secret redis-password)

derived nats-users.conf << END
authorization {
  users: [
    { user: signalbox, password: "$nats" }
    # An edge speaks in its own name: to the centre, into its own subject of the log, and hears its own answers. Nothing else of the centre is open to it.
    {
      user: edge-1
      password: "$edge"
      permissions: {
        publish: ["signalbox.cells.core.edge-1.>", "signalbox.telemetry.cell-edge-1", "\$JS.API.STREAM.MSG.GET.signalbox-telemetry"]
        subscribe: ["signalbox.cells.edge-1.>", "_INBOX.edge-1.>"]
        allow_responses: true
      }
    }
  ]
}
END
derived questdb.conf << END
# The node reads and writes over HTTP alone: every other door stays shut.
http.user=signalbox
http.password=$questdb
# Health without a password, from inside the container alone.
http.health.check.authentication.required=false
http.min.enabled=true
http.min.net.bind.to=127.0.0.1:9003
pg.enabled=false
line.tcp.enabled=false
telemetry.enabled=false
# Acknowledged means on the disk.
cairo.commit.mode=sync
END
derived redis-users.acl << END
user default off
user signalbox on >$redis ~* &* +@all -@admin -@dangerous +info +client|setname +client|setinfo
user health on nopass +ping
END
# No secret, but Mosquitto wants this file to be readable by itself alone.
derived mosquitto.acl < config/mosquitto.acl
# Settings that hold passwords: a file for --config, never the environment, which docker inspect shows.
derived core.json << END
{
  "NATS_URL": "tls://signalbox:$nats@nats:4222",
  "DATABASE_URL": "postgres://signalbox:$postgres@postgres:5432/signalbox?sslmode=verify-full",
  "QUESTDB_URL": "http://signalbox:$questdb@questdb:9000",
  "REDIS_URL": "rediss://signalbox:$redis@redis:6379"
}
END
derived edge.json << END
{
  "UPLINK_URL": "tls://edge-1:$edge@nats:4222"
}
END

mkdir -p state/{nats,postgres,questdb/conf,mosquitto,core-1,core-2,edge}
# Where the file of secrets is mounted: the engine would make it as root, and QuestDB could write nothing beside it.
[ -e state/questdb/conf/server.conf ] || : > state/questdb/conf/server.conf
if [ "$(id -u)" = 0 ]; then chown -R "$uid:$gid" secrets state; fi

if [ ! -e .env ]; then
  printf 'SIGNALBOX_UID=%s\nSIGNALBOX_GID=%s\n' "$uid" "$gid" > .env
  echo 'made .env'
fi
