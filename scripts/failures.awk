# Reads what `cargo test` prints and prints for each failure its name and the first lines of what it said; of one that
# panicked, those from there on.

BEGIN { most = 6 }

{ gsub(/\033\[[0-9;]*m/, ""); sub(/\r$/, "") }

/^---- .* ----$/ {
	name = $0
	gsub(/^---- | (stdout )?----$/, "", name)
	said = 0
	lines[name] = ""
	order[++count] = name
	within = 1
	next
}

/^failures:$/ || /^test result: / { within = 0 }

within && /panicked at / { said = 0; lines[name] = "" }

within && NF && said < most {
	lines[name] = lines[name] "    " substr($0, 1, 400) "\n"
	said++
}

END { for (one = 1; one <= count; one++) printf "failed: %s\n%s", order[one], lines[order[one]] }
