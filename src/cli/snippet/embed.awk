# Turn client.py and client.sh into C: a constant snippet_EXT for each, lines as string literals.
FNR == 1 {
    if (NR > 1) print "    \"\";"
    name = FILENAME; sub(/^.*\./, "", name)
    print "static const char snippet_" name "[] ="
}
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); print "    \"" $0 "\\n\"" }
END { print "    \"\";" }
