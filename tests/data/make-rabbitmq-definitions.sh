#!/bin/sh
# Makes the files beside it with a RabbitMQ that is installed
# here (run as root, or as whoever its scripts want). It runs on ports and folders of its own.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
chmod 777 "$dir"
export RABBITMQ_NODENAME=made@localhost RABBITMQ_NODE_PORT=25999 RABBITMQ_DIST_PORT=25998
export ERL_EPMD_PORT=25997 RABBITMQ_MNESIA_BASE="$dir/mnesia" RABBITMQ_LOG_BASE="$dir/log"
export RABBITMQ_CONFIG_FILE="$dir/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_PID_FILE="$dir/pid"
printf 'management.tcp.port = 25996\nloopback_users.guest = true\n' > "$dir/rabbitmq.conf"
echo '[rabbitmq_management,rabbitmq_consistent_hash_exchange,rabbitmq_random_exchange,rabbitmq_recent_history_exchange,rabbitmq_sharding,rabbitmq_shovel,rabbitmq_federation].' > "$dir/plugins"
chmod -R a+rX "$dir"
rabbitmq-server > "$dir/out" 2>&1 &
trap 'rabbitmqctl stop >/dev/null 2>&1 || true; epmd -port 25997 -kill >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
until rabbitmqctl await_startup >/dev/null 2>&1; do sleep 1; done
ctl() { rabbitmqctl -q "$@"; }

ctl add_user anna 'anna-pass'
ctl set_user_tags anna administrator monitoring
ctl eval 'application:set_env(rabbit, password_hashing_module, rabbit_password_hashing_sha512).' >/dev/null
ctl add_user 'büşra' 'şifre-✓'
ctl set_user_tags 'büşra' policymaker
ctl eval 'application:set_env(rabbit, password_hashing_module, rabbit_password_hashing_sha256).' >/dev/null
ctl add_user locked x
ctl clear_password locked
ctl add_vhost shop --description 'Orders and billing' --tags prod,eu --default-queue-type quorum || ctl add_vhost shop --description 'Orders and billing' --tags prod,eu
ctl add_vhost 'магазин'
ctl set_permissions -p / anna '.*' '.*' '.*'
ctl set_permissions -p shop anna '.*' '.*' '.*'
ctl set_permissions -p shop 'büşra' '^büşra\..*' '^(orders|events|topics)$' '.*'
ctl set_permissions -p 'магазин' anna '.*' '.*' '.*'
ctl set_topic_permissions -p shop 'büşra' topics '^eu\.' '^(eu|us)\.'
ctl set_vhost_limits -p shop '{"max-connections": 256, "max-queues": 1024}'
ctl set_user_limits anna '{"max-connections": 64, "max-channels": 2000}'
ctl set_policy -p shop ttl '^orders' '{"message-ttl": 3600000, "dead-letter-exchange": "dlx", "max-length": 100000, "overflow": "reject-publish"}' --priority 7 --apply-to queues
ctl set_policy -p shop ae '^events$' '{"alternate-exchange": "unrouted"}' --apply-to exchanges
ctl set_policy 'ha-all' '^ha\.' '{"ha-mode": "all", "ha-sync-mode": "automatic"}'
ctl set_operator_policy -p shop roof '.*' '{"max-length": 500000, "expires": 86400000}' --priority 1 --apply-to queues
ctl set_global_parameter owner '{"team": "messaging", "floors": [1, 2.5, true, null]}'
ctl set_parameter -p shop federation-upstream other '{"uri": "amqp://127.0.0.1:25995", "expires": 3600000, "reconnect-delay": 30}'
ctl set_parameter -p shop federation-upstream-set both '[{"upstream": "other"}]'

cat > "$dir/api.py" <<'PY'
import base64, json, urllib.error, urllib.parse, urllib.request
def put(method, path, body):
    request = urllib.request.Request("http://127.0.0.1:25996/api/" + path, json.dumps(body).encode(), method=method)
    request.add_header("authorization", "Basic " + base64.b64encode(b"anna:anna-pass").decode())
    request.add_header("content-type", "application/json")
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error} {error.read()}")
q = lambda name: urllib.parse.quote(name, safe="")
def exchange(vhost, name, kind, durable=True, auto_delete=False, internal=False, **arguments):
    put("PUT", f"exchanges/{q(vhost)}/{q(name)}", dict(type=kind, durable=durable, auto_delete=auto_delete, internal=internal, arguments={k.replace("_", "-"): v for k, v in arguments.items()}))
def queue(vhost, name, arguments={}, durable=True, auto_delete=False):
    put("PUT", f"queues/{q(vhost)}/{q(name)}", dict(durable=durable, auto_delete=auto_delete, arguments=arguments))
def bind(vhost, source, to, name, key="", arguments={}):
    put("POST", f"bindings/{q(vhost)}/e/{q(source)}/{to}/{q(name)}", dict(routing_key=key, arguments=arguments))
exchange("shop", "orders", "direct", alternate_exchange="unrouted")
exchange("shop", "events", "fanout")
exchange("shop", "topics", "topic")
exchange("shop", "matched", "headers")
exchange("shop", "shards", "x-consistent-hash", **{"hash-header": "account"})
exchange("shop", "luck", "x-random")
exchange("shop", "lately", "x-recent-history", **{"x-recent-history-length": 12})
exchange("shop", "modulus", "x-modulus-hash")
exchange("shop", "dlx", "fanout")
exchange("shop", "unrouted", "fanout", internal=True)
exchange("shop", "passing", "direct", durable=False)
exchange("shop", "leaving", "direct", auto_delete=True)
exchange("магазин", "события", "topic")
queue("shop", "orders", {"x-queue-type": "classic", "x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "orders", "x-max-priority": 5})
queue("shop", "orders.lazy", {"x-queue-type": "classic", "x-queue-mode": "lazy", "x-message-ttl": 60000, "x-expires": 1800000, "x-single-active-consumer": True})
queue("shop", "payments", {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-overflow": "reject-publish", "x-quorum-initial-group-size": 3})
queue("shop", "dead")
queue("shop", "passing", {"x-queue-type": "classic"}, durable=False)
queue("shop", "leaving", {"x-queue-type": "classic"}, auto_delete=True)
queue("shop", "with extra", {"x-queue-type": "classic", "x-team": "billing", "x-tries": [1, 2, {"a": "b"}], "x-share": 0.5, "x-off": False})
queue("магазин", "queue-заказы", {"x-max-length": 1000, "x-max-length-bytes": 10000000, "x-overflow": "drop-head"})
queue("/", "tasks")
bind("shop", "orders", "q", "orders", "new")
bind("shop", "orders", "q", "payments", "new")
bind("shop", "orders", "q", "payments", "größe/ 100%")
bind("shop", "events", "e", "topics", "")
bind("shop", "topics", "q", "orders.lazy", "eu.*.#")
bind("shop", "matched", "q", "orders", "", {"x-match": "all", "kind": "order", "version": 2, "urgent": True})
bind("shop", "matched", "q", "orders", "", {"x-match": "any", "kind": "refund"})
bind("shop", "shards", "q", "orders", "10")
bind("shop", "shards", "q", "payments", "20")
bind("shop", "dlx", "q", "dead")
bind("shop", "passing", "q", "passing", "p")
bind("shop", "amq.topic", "q", "orders.lazy", "#")
bind("магазин", "события", "q", "queue-заказы", "новый.*")
bind("/", "amq.direct", "q", "tasks", "task")
PY
python3 "$dir/api.py"
ctl set_permissions -p 'магазин' anna '' '.*' '^queue-'
ctl set_parameter -p shop shovel move '{"src-protocol": "amqp091", "src-uri": "amqp://127.0.0.1:25995", "src-queue": "orders", "dest-protocol": "amqp091", "dest-uri": "amqp://127.0.0.1:25995", "dest-queue": "moved"}'
curl -sf -u anna:anna-pass http://127.0.0.1:25996/api/definitions | python3 -m json.tool --no-ensure-ascii > "$out/rabbitmq-3.10-http.json"
curl -sf -u anna:anna-pass http://127.0.0.1:25996/api/definitions/shop | python3 -m json.tool --no-ensure-ascii > "$out/rabbitmq-3.10-http-vhost.json"
# 3.10.8 cannot export a parameter that is a list from the command line.
ctl clear_parameter -p shop federation-upstream-set both
ctl export_definitions "$dir/rabbitmqctl-definitions.json"
python3 -m json.tool --no-ensure-ascii < "$dir/rabbitmqctl-definitions.json" > "$out/rabbitmq-3.10-rabbitmqctl.json"
