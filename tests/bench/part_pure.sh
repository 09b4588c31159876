# shellcheck shell=bash
# Canonicalising and hashing a body, as a share of what SHA-256 alone does; the audit log alone.
while read -r size kind content ratio ours alone; do
    goal=0.60
    [ "$size" -lt 2097152 ] || goal=0.75
    figure "$kind + SHA-256 / SHA-256, $size octets, $content" "$ratio" "" ">=" "$goal"
    because "$kind + SHA-256 / SHA-256, $size octets, $content" "$(calc "1e6 * (1 / $ours - 1 / $alone)") us for a MB beside $(calc "1e6 / $alone") of SHA-256: looking for defects, and in relaxed for white space that changes, where each change ends a span of octets (in this prose one of 190)"
    figure "$kind + SHA-256, $size octets, $content (SHA-256 alone $alone MB/s)" "$ours" MB/s
done < <("$BUILD/bench/canon")
mkdir -p "$WORK/bench-audit-16"
read -r records cost < <("$BUILD/bench/audit" "$WORK/bench-audit-16" 16 "$SECONDS_EACH")
figure "audit log, groups of 16" "$records" records/s ">=" 5000
figure "audit log, groups of 16, processor time" "$cost" us/record
