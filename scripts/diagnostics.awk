# docs/diagnostics.md -> the rows of compiler/driver/codes.c, so that `entkc --explain=E0507` says what the document says:
#   {"E0507", "Types (checker)", "what", "how to mend it"},
# A row of the document is "| code | what | how to mend it |" under the heading of its phase.

# Text of a C string: of a link only its words, quotes and backslashes escaped.
function c_text(text,    words)
{
	while (match(text, /\[[^][]*\]\([^)]*\)/)) {
		words = substr(text, RSTART + 1, RLENGTH - 1)
		sub(/\].*/, "", words)
		text = substr(text, 1, RSTART - 1) words substr(text, RSTART + RLENGTH)
	}
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/^ +| +$/, "", text)
	return text
}

/^## / { heading = substr($0, 4) }

/^\| [EW][0-9][0-9][0-9][0-9] \|/ {
	if (split($0, cell, "|") != 5) {
		print FILENAME ":" FNR ": a row of three cells is wanted" > "/dev/stderr"
		exit 1
	}
	printf "{\"%s\", \"%s\", \"%s\", \"%s\"},\n", c_text(cell[2]), c_text(heading), c_text(cell[3]), c_text(cell[4])
}
