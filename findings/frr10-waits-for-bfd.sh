#!/bin/bash
# FRR 10.3 with a neighbour that is to be watched by BFD (`neighbor A bfd`), and the neighbour (BIRD 2.0.12, nothing of ours) has no BFD,
# or not yet: there is no BGP session as long as that is so. FRR 8.4.4 with the same lines has the session at once, and the routes.
#
# A good guess is what 8.4.4 does, and what RFC 5882 (section 10.2) leaves open: BFD that was never up says nothing, so BGP goes its way, and
# only a BFD session that was up and goes down ends it. Waiting for BFD is "strict mode" (draft-ietf-idr-bgp-bfd-strict-mode), which both
# ends negotiate, and which nobody has switched on here. 10.3 does not say in its log why there is no session.
#
# What helps: whoever dials a router brings BFD up first, or at the same time, and does not wait for BGP.
#
# Needs root, Debian 12, iproute2. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
name=find-wait-$$
pids=()
clean() {
	end
	ip netns del "$name-r" 2> /dev/null || true
	ip netns del "$name-a" 2> /dev/null || true
	rm -rf "$folder"
}
end() {
	for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
	wait 2> /dev/null || true
	pids=()
}
trap clean EXIT
chmod 755 "$folder"
mkdir -p "$folder/older" "$folder/newer" "$folder"/apt/{parts,state/lists/partial,cache/archives/partial} "$folder/users"
cp /etc/passwd /etc/group "$folder/users/"
printf 'frr:x:399:399::/nonexistent:/usr/sbin/nologin\n' >> "$folder/users/passwd"
printf 'frr:x:399:\nfrrvty:x:398:frr\n' >> "$folder/users/group"
touch "$folder/apt/state/status"
printf '%s\n' 'Types: deb' 'URIs: http://deb.debian.org/debian' 'Suites: trixie' 'Components: main' \
	'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' > "$folder/apt/parts/trixie.sources"
unpack() { # FOLDER APT-OPTIONS... -- PACKAGES...
	cd "$folder/$1"
	shift
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	apt-get -qq -o APT::Sandbox::User= "${options[@]}" download "$@"
	for package in *.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x; done
}
(unpack older -- frr=8.4.4-1.1~deb12u2 bird2=2.0.12-7 libyang2 libc-ares2 libprotobuf-c1 libjson-c5 libssh-gcrypt-4 libgcrypt20 \
	libreadline8 libelf1 libcap2)
apt=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/apt/parts" -o "Dir::State=$folder/apt/state"
	-o "Dir::State::status=$folder/apt/state/status" -o "Dir::Cache=$folder/apt/cache")
apt-get -qq -o APT::Sandbox::User= "${apt[@]}" update
(unpack newer "${apt[@]}" -- frr=10.3-3+deb13u1 libc6 libgcc-s1 libatomic1 libcap2 libcares2 libcrypt1 libelf1t64 libjson-c5 liblua5.3-0 \
	liblzma5 libpcre2-8-0 libprotobuf-c1 libreadline8t64 libtinfo6 libunwind8 libyang3 libzstd1 zlib1g)

ip netns add "$name-r"
ip netns add "$name-a"
ip -n "$name-r" link add v0 type veth peer name v0 netns "$name-a"
for side in r a; do ip -n "$name-$side" link set v0 up && ip -n "$name-$side" link set lo up; done
ip -n "$name-r" addr add 192.0.2.1/24 dev v0
ip -n "$name-a" addr add 192.0.2.2/24 dev v0

run() { # SIDE TREE PROGRAM ARGUMENTS..., in the background: with its libraries, their loader, and the users that it becomes
	local side=$1 tree=$folder/$2 program=$3 loader=() libraries
	shift 3
	libraries=$(echo "$tree"/usr/lib/*-linux-gnu{,/frr} "$tree"/lib/*-linux-gnu | tr ' ' ':')
	[ "$tree" = "$folder/older" ] || loader=("$tree"/usr/lib64/ld-linux-x86-64.so.2)
	ip netns exec "$name-$side" unshare --mount sh -c \
		'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && export LD_LIBRARY_PATH="$2" && shift 2 && exec "$@"' \
		sh "$folder/users" "$libraries" "${loader[@]}" "$tree/$program" "$@" > "$state/${program##*/}.log" 2>&1 &
	pids+=($!)
}

start_frr() { # TREE
	state=$folder/state-$1
	rm -rf "$state"
	mkdir "$state"
	chmod 777 "$state"
	printf 'bfd\n profile usual\n  receive-interval 300\n  transmit-interval 300\n' > "$state/bfdd.conf"
	cat > "$state/bgpd.conf" <<- 'CONF'
		router bgp 64500
		 bgp router-id 192.0.2.1
		 bgp log-neighbor-changes
		 no bgp ebgp-requires-policy
		 neighbor 192.0.2.2 remote-as 64512
		 neighbor 192.0.2.2 passive
		 neighbor 192.0.2.2 bfd
		 neighbor 192.0.2.2 bfd profile usual
	CONF
	local common=(-z "$state/z.api" --vty_socket "$state" -u frr -g frr --log stdout)
	run r "$1" usr/lib/frr/zebra "${common[@]}" -i "$state/zebra.pid" -f /dev/null
	until [ -e "$state/z.api" ]; do sleep 0.1; done
	run r "$1" usr/lib/frr/bfdd "${common[@]}" -i "$state/bfdd.pid" -f "$state/bfdd.conf"
	until [ -e "$state/bfdd.vty" ]; do sleep 0.1; done
	run r "$1" usr/lib/frr/bgpd "${common[@]}" -i "$state/bgpd.pid" -f "$state/bgpd.conf"
	until [ -e "$state/bgpd.vty" ]; do sleep 0.1; done
}

start_bird() { # with|without
	local bfd='' option=''
	if [ "$1" = with ]; then
		bfd='protocol bfd { interface "*" { interval 300 ms; multiplier 3; }; }' option='bfd yes;'
	fi
	cat > "$state/bird.conf" <<- CONF
		router id 192.0.2.2;
		protocol device { }
		$bfd
		protocol static { ipv4; route 198.51.100.1/32 blackhole; }
		protocol bgp r {
		  local 192.0.2.2 as 64512; neighbor 192.0.2.1 as 64500;
		  $option connect delay time 1; connect retry time 2; error wait time 1, 2;
		  ipv4 { import none; export all; next hop self; };
		}
	CONF
	run a older usr/sbin/bird -f -c "$state/bird.conf" -s "$state/bird.ctl"
}

wrong=0
try() { # TREE VERSION with|without EXPECTED
	local said='no session within 45 s' tenths
	start_frr "$1"
	start_bird "$3"
	for tenths in $(seq 450); do
		if grep -q 'ADJCHANGE.*Up' "$state/bgpd.log" && [ -n "$(ip -n "$name-r" route show 198.51.100.1/32)" ]; then
			said="a session and its route"
			break
		fi
		sleep 0.1
	done
	printf 'FRR %s with BFD, neighbour %s BFD: %s\n' "$2" "$3" "$said"
	[[ "$said" == "$4"* ]] || wrong=1
	end
	ip -n "$name-r" route flush proto bgp
}
try older 8.4.4 without 'a session'
try newer 10.3 without 'no session'
try newer 10.3 with 'a session'
[ "$wrong" = 0 ] || { echo 'this is no longer so'; exit 1; }
