# count.awk - one suite's TAP on stdin to "passed failed skipped" on the last line; every failure and skip as a line of
# its own before it ("failed: name", "skipped: name<TAB>reason").  Knows how bats and cmocka 1.1.5 write it: cmocka
# prints a skip as "not ok N # SKIP name" and, where something was skipped or failed, a closing line
# "not ok - group" without a number, which is no test.
function plan_end() {
	if (planned > 0 && seen < planned) {
		print "failed: " (planned - seen) " of " planned " tests did not run"
		failed += planned - seen
	}
	planned = 0
	seen = 0
}
/^1\.\.[0-9]+/ {
	# bats and cmocka give the plan first, others last
	n = substr($1, 4) + 0
	if (seen > 0 && !first) {
		planned = n
		plan_end()
	} else {
		plan_end()
		planned = n
		first = 1
	}
	next
}
/^(not )?ok [0-9]+/ {
	if ($0 ~ /^not ok 0 - /)
		seen-- # units.sh: a program that ended badly, beside its plan
	ok = $1 == "ok"
	line = $0
	sub(/^(not )?ok [0-9]+ *(- )?/, "", line)
	seen++
	at = match(line, /# *[Ss][Kk][Ii][Pp]/)
	if (at) {
		rest = substr(line, at + RLENGTH)
		name = substr(line, 1, at - 1)
		sub(/^[: ]+/, "", rest)
		sub(/ +$/, "", name)
		if (name == "") {
			name = rest
			rest = ""
		}
		skipped++
		print "skipped: " name "\t" rest
	} else if (ok) {
		passed++
	} else {
		failed++
		print "failed: " line
	}
}
END {
	plan_end()
	print passed + 0, failed + 0, skipped + 0
}
