#!/bin/bash
# crane 0.22.1: `push --index` of an OCI layout with one image for two platforms pushes an index around the index of the image.
#
# The help says that the flag is "currently required if PATH contains multiple images", and a folder with a program for amd64 and
# arm64 contains two; so a good guess is that the flag is what such an image needs. But a layout has one more list than the image: its
# index.json names the image's own index. With the flag crane pushes index.json as it is, and what is then in the registry under
# the tag is an index whose only entry is an index, without a platform. Without the flag crane follows the one entry and pushes
# the image for both platforms. Nothing complains at the push; whoever asks the registry for a platform finds no such entry.
#
# What helps: no flag where index.json has one entry, and comparing `crane digest` with the digest in index.json.
#
# Needs Go, Python and a proxy of Go modules. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
GOBIN=$folder/bin GOFLAGS=-modcacherw go install github.com/google/go-containerregistry/cmd/crane@v0.22.1
python3 - <<'PYTHON'
import gzip, hashlib, json, os

os.makedirs("image/blobs/sha256")

def blob(kind, content):
    digest = hashlib.sha256(content).hexdigest()
    open(f"image/blobs/sha256/{digest}", "wb").write(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

def document(kind, content):
    return blob(kind, json.dumps(content).encode())

OCI = "application/vnd.oci.image."
layer = bytes(1024)
platforms = []
for architecture in ("amd64", "arm64"):
    packed = blob(OCI + "layer.v1.tar+gzip", gzip.compress(layer, mtime=0))
    config = document(OCI + "config.v1+json", {"architecture": architecture, "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}})
    manifest = document(OCI + "manifest.v1+json", {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": config, "layers": [packed]})
    platforms.append(manifest | {"platform": {"architecture": architecture, "os": "linux"}})
index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json"}
image = document(OCI + "index.v1+json", index | {"manifests": platforms})
json.dump(index | {"manifests": [image]}, open("image/index.json", "w"))
open("image/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
open("digest", "w").write(image["digest"])
PYTHON

bin/crane registry serve --address 127.0.0.1:0 > log 2>&1 &
server=$!
for _ in $(seq 100); do
	port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' log | head -1)
	[ -z "$port" ] || break
	sleep 0.1
done
wrong=0
look() { # EXPECTED NAME FLAG...
	local name=localhost:$port/$2 expected=$1
	shift 2
	bin/crane push "$@" image "$name" > /dev/null 2>> log
	local found
	found=$(bin/crane manifest "$name" | python3 -c '
import json, sys
entries = json.load(sys.stdin)["manifests"]
print(", ".join(one.get("platform", {}).get("architecture", one["mediaType"].split(".")[-2]) for one in entries))')
	printf 'push %-8s: the index under the tag lists %s\n' "${1:-}" "$found"
	[ "$found" = "$expected" ] || wrong=1
}
look 'amd64, arm64' plain
[ "$(bin/crane digest "localhost:$port/plain")" = "$(cat digest)" ] || wrong=1
look 'index' wrapped --index
[ "$wrong" = 0 ] || { cat log; echo 'this is no longer so'; exit 1; }
