# Turn SQL files into C.
#
# sql/query/*.sql: a constant query_NAME for each "-- name: NAME" block. A "-- part: NAME" block is text
# that several queries share; a line "--> NAME" stands for it.
# sql/migrate/NNN-name.sql (given with -v migrations=1): one table of all, in the order of the arguments.
function quoted(line) { gsub(/\\/, "&&", line); gsub(/"/, "\\\"", line); return "    \"" line "\\n\"" }
function close_block() {
    if (name) print "    \"\";"
    name = part = ""
}
BEGIN {
    print "/* Made by sql/embed.awk. Do not edit. */"
    if (migrations) print "static const struct migration migrations[] = {"
}
migrations && FNR == 1 {
    if (NR > 1) print "    \"\" },"
    file = FILENAME; sub(/^.*\//, "", file); sub(/\.sql$/, "", file)
    number = file; sub(/-.*/, "", number); sub(/^0+/, "", number)
    sub(/^[0-9]+-/, "", file)
    print "{ " number ", \"" file "\","
}
migrations { if ($0 !~ /^--/ && $0 !~ /^[ \t]*$/) print quoted($0); next }
/^-- name: / { close_block(); name = $3; print "\nstatic const char query_" name "[] __attribute__((unused)) ="; next }
/^-- part: / { close_block(); part = $3; next }
/^--> / && !($2 in parts) { print FILENAME ":" FNR ": no part " $2 " before this line" >"/dev/stderr"; failed = 1; exit 1 }
/^--> / && part { parts[part] = parts[part] parts[$2]; next }
/^--> / { printf "%s", parts[$2]; next }
/^--/ || /^[ \t]*$/ { next }
part { parts[part] = parts[part] quoted($0) "\n" }
name { print quoted($0) }
END {
    if (failed) exit 1
    if (migrations) print "    \"\" },\n};"
    else close_block()
}
