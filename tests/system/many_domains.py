"""many_domains.py COUNT <zegel.yaml >many.yaml: instead of its one domain COUNT of them, d0.example.nl and so on. Each key has a URI
of its own (RFC 7512 lets every character be written in two ways), though the token holds but two keys."""
import sys


def uri(text, number):
    return "".join(f"%{ord(c):02x}" if number >> place & 1 else c for place, c in enumerate(text))


def main():
    count, lines, keys = int(sys.argv[1]), [], []
    for line in sys.stdin:
        if line.startswith("domains:"):
            break
        lines.append(line)
    selector = algorithm = None
    for line in sys.stdin:
        name, _, value = line.strip().removeprefix("- ").partition(": ")
        if name == "selector":
            selector = value
        elif name == "algorithm":
            algorithm = value
        elif name == "key":
            keys.append((selector, algorithm, *value.split("object=")))
    sys.stdout.write("".join(lines) + "domains:\n")
    for number in range(count):
        sys.stdout.write(f"  - domain: d{number}.example.nl\n    keys:\n")
        for selector, algorithm, before, label in keys:
            sys.stdout.write(f'      - {{selector: {selector}, algorithm: {algorithm}, key: "{before}object={uri(label, number)}"}}\n')


main()
