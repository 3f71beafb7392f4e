#!/bin/bash
# kube-apiserver 1.36.3: a server-side dry run of a Service is not told of further ServiceCIDRs.
#
# Since 1.33 the range of cluster addresses can be extended while the cluster runs, by a ServiceCIDR object. A good guess is
# that `kubectl create --dry-run=server` says what a create would do, as its documentation promises. But with a second
# ServiceCIDR that is Ready, the dry run of a Service that asks for an address in it is refused ("the range of valid IPs is"
# the first one only), while the same create without dry run succeeds. A tool that checks manifests by server-side dry run
# (a GitOps controller, a CI job, an admission test) therefore refuses what the cluster accepts.
#
# Needs Go 1.26, a Go module proxy, curl and openssl; builds etcd and kube-apiserver, which takes some minutes. Everything
# listens on loopback. Prints what was seen; fails if it is no longer so.
set -euo pipefail
version=1.36.3 etcd=3.6.16
go=${GO:-go}
folder=$(mktemp -d)
pids=()
clean() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$folder"
}
trap clean EXIT
cd "$folder"

cat > go.mod <<MOD
module finding

go 1.26
MOD
cat > tools.go <<'GO'
//go:build tools

package finding

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
GO
# The parts of Kubernetes are modules of their own with versions 0.x that go.mod of the whole leaves open.
file=$("$go" mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
for part in $(sed -n 's/^\t\(k8s.io\/[a-z-]*\) v0\.0\.0$/\1/p' "$file"); do
	"$go" mod edit -replace "$part=$part@v0.${version#1.}"
done
"$go" mod edit -require "k8s.io/kubernetes@v$version" -require "go.etcd.io/etcd/server/v3@v$etcd"
"$go" mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
CGO_ENABLED=0 "$go" build -o . go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver
mv server etcd 2>/dev/null || true

port() { # a port that is free now
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
client=$(port) peer=$(port) secure=$(port)
./etcd --data-dir "$folder/data" --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
	--listen-peer-urls "http://127.0.0.1:$peer" > etcd.log 2>&1 &
pids+=($!)
openssl genrsa -out accounts.key 2048 2> /dev/null
token=$(openssl rand -hex 16)
echo "$token,admin,admin,system:masters" > tokens.csv
./kube-apiserver --etcd-servers="http://127.0.0.1:$client" --bind-address=127.0.0.1 --advertise-address=192.0.2.1 \
	--secure-port="$secure" --cert-dir="$folder/certificates" --token-auth-file=tokens.csv --authorization-mode=RBAC \
	--service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.key \
	--service-account-signing-key-file=accounts.key --service-cluster-ip-range=198.51.100.0/24 > apiserver.log 2>&1 &
pids+=($!)
ask() { # METHOD PATH [BODY]
	curl -sk -X "$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "https://127.0.0.1:$secure$2" ${3:+-d "$3"}
}
until [ "$(ask GET /readyz)" = ok ]; do
	kill -0 "${pids[@]}" || { tail -5 etcd.log apiserver.log; exit 1; }
	sleep 1
done

ask POST /apis/networking.k8s.io/v1/servicecidrs '{"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
	"metadata": {"name": "second"}, "spec": {"cidrs": ["203.0.113.0/24"]}}' > /dev/null
# What the controller manager says of it; the API server's allocator goes by this.
ask PUT /apis/networking.k8s.io/v1/servicecidrs/second/status "$(ask GET /apis/networking.k8s.io/v1/servicecidrs/second |
	python3 -c 'import json, sys; o = json.load(sys.stdin); o["status"] = {"conditions": [{"type": "Ready", "status": "True",
"reason": "", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}; print(json.dumps(o))')" > /dev/null

service() { # NAME
	echo '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "'"$1"'"}, "spec": {"clusterIP": "203.0.113.50", "ports": [{"port": 80}]}}'
}
services=/api/v1/namespaces/default/services
# The allocator learns of the ServiceCIDR by a watch: the real create says when it has.
for _ in $(seq 60); do
	dry=$(ask POST "$services?dryRun=All" "$(service dry)")
	real=$(ask POST "$services" "$(service real)")
	! grep -q '"clusterIP": "203.0.113.50"' <<< "$real" || break
	sleep 1
done
after=$(ask DELETE "$services/real" > /dev/null; ask POST "$services?dryRun=All" "$(service dry)")
say() { python3 -c 'import json, sys; o = json.load(sys.stdin); print(o.get("message") or "accepted with " + o["spec"]["clusterIP"])'; }
echo "ServiceCIDR 203.0.113.0/24 beside 198.51.100.0/24; a Service with clusterIP 203.0.113.50"
echo "create:                     $(say <<< "$real")"
echo "create with dryRun=All:     $(say <<< "$dry")"
echo "the same, once it is free:  $(say <<< "$after")"
grep -q '"clusterIP": "203.0.113.50"' <<< "$real" || { echo "the create is refused now"; exit 1; }
grep -q 'range of valid IPs is 198.51.100.0/24' <<< "$after" || { echo "the dry run knows the range now"; exit 1; }
