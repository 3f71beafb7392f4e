#!/bin/bash
# GoBGP 4.8.0, an import policy that sets the local preference of routes with the community GRACEFUL_SHUTDOWN to 0, as RFC 8326
# (section 4) advises: the file is taken without a word, and the routes keep their preference of 100. With 1 in its place they get 1.
#
# A good guess is that 0 is a number as any other: RFC 4271 has no value that is none, FRR, BIRD and OpenBGPD set it, and a policy that
# could not be read would be refused, as other mistakes in the file are. But in GoBGP's configuration 0 and "not set" are the same, so
# that the statement has no such action; `gobgp policy` shows it without one. A router that is drained "by the book" then goes on
# getting its share of the traffic until its routes are withdrawn.
#
# What helps: a local preference of 1, which is as good, unless other routes have less.
#
# Needs root, go and a proxy of modules, python3, iproute2. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
name=find-pref-$$
pids=()
end() {
	for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
	wait 2> /dev/null || true
	pids=()
}
clean() {
	end
	ip netns del "$name-r" 2> /dev/null || true
	ip netns del "$name-n" 2> /dev/null || true
	chmod -R u+w "$folder"
	rm -rf "$folder"
}
trap clean EXIT
for program in gobgp gobgpd; do
	GOBIN=$folder GOFLAGS=-modcacherw "${GO:-go}" install "github.com/osrg/gobgp/v4/cmd/$program@v4.8.0" > "$folder/install.log" 2>&1 ||
		{ cat "$folder/install.log"; exit 2; }
done

ip netns add "$name-r"
ip netns add "$name-n"
ip -n "$name-r" link add v0 type veth peer name v0 netns "$name-n"
for side in r n; do ip -n "$name-$side" link set lo up && ip -n "$name-$side" link set v0 up; done
ip -n "$name-r" addr add 192.0.2.1/24 dev v0
ip -n "$name-n" addr add 192.0.2.2/24 dev v0

cat > "$folder/n.toml" << 'CONF'
[global.config]
as = 64512
router-id = "192.0.2.2"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.0.2.1"
peer-as = 64500
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
CONF
router() { # PREFERENCE
	cat << CONF
[global.config]
as = 64500
router-id = "192.0.2.1"
[global.apply-policy.config]
import-policy-list = ["leaving-last"]
[[neighbors]]
[neighbors.config]
neighbor-address = "192.0.2.2"
peer-as = 64512
[neighbors.transport.config]
passive-mode = true
[[defined-sets.bgp-defined-sets.community-sets]]
community-set-name = "leaving"
community-list = ["65535:0"]
[[policy-definitions]]
name = "leaving-last"
[[policy-definitions.statements]]
name = "leaving-last"
[policy-definitions.statements.conditions.bgp-conditions.match-community-set]
community-set = "leaving"
match-set-options = "any"
[policy-definitions.statements.actions.bgp-actions]
set-local-pref = $1
[policy-definitions.statements.actions]
route-disposition = "accept-route"
CONF
}
start() { # SIDE
	ip netns exec "$name-$1" "$folder/gobgpd" -f "$folder/$1.toml" --api-hosts 127.0.0.1:50051 > "$folder/$1.log" 2>&1 &
	pids+=($!)
}
ask() { # SIDE ARGUMENTS...
	ip netns exec "$name-$1" "$folder/gobgp" "${@:2}"
}
# The preference of the one route that the router has; 100 if nothing is said of it.
cat > "$folder/preference.py" << 'PY'
import json, sys
paths = [path for all_of_prefix in json.load(sys.stdin).values() for path in all_of_prefix]
attributes = {one["type"]: one for path in paths for one in path["attrs"]}
if attributes:
    assert 65535 << 16 in attributes[8]["communities"], attributes
    print(attributes.get(5, {"value": 100})["value"])
PY
preference() { # SET
	local seen='' tries
	router "$1" > "$folder/r.toml"
	start r
	start n
	for tries in {1..60}; do
		ask n global rib add 198.51.100.1/32 community 65535:0 > "$folder/add.log" 2>&1 || true
		seen=$(ask r global rib -j 2> /dev/null | python3 "$folder/preference.py" 2> /dev/null) || seen=
		[ -z "$seen" ] || break
		sleep 0.5
	done
	ask r policy > "$folder/policy.$1" 2>&1 || true
	end
	printf '%s' "$seen"
}
wrong=0
see() { # SET EXPECTED
	local seen
	seen=$(preference "$1")
	printf 'set-local-pref = %s: the route has a local preference of %s; the policy as GoBGP has it:\n' "$1" "${seen:-?}"
	sed 's/^/    /' "$folder/policy.$1"
	# it would be no surprise if it were said
	! grep -iE '(error|warn).*(policy|pref)' "$folder/r.log" || wrong=1
	[ "$seen" = "$2" ] || wrong=1
}
see 0 100
see 1 1
[ "$wrong" = 0 ] || { echo "this is no longer so"; exit 1; }
