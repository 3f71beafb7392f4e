# Reads what `cargo test` prints and prints "PASSED FAILED SKIPPED KERNEL". A test program that was started and ended
# without its summary counts as one failure. The last figure are tests of kind "kernel" that were ignored, because this kernel lacks
# what they need: they are not among those skipped.

function close_program() {
	if (open && !summed) failed++
	open = summed = 0
}

{ gsub(/\033\[[0-9;]*m/, ""); sub(/\r$/, "") }

/^ +(Running|Doc-tests) / { close_program(); open = 1 }

/^test \[kernel\] .* ignored$/ { kernel++ }

/^test result: (ok|FAILED)\. [0-9]+ passed; [0-9]+ failed; [0-9]+ ignored/ {
	passed += $4
	failed += $6
	skipped += $8
	summed = 1
}

END { close_program(); print passed + 0, failed + 0, skipped - kernel, kernel + 0 }
