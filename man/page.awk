# SPDX-License-Identifier: Apache-2.0
# Tidies what scdoc 1.11 writes, so that `mandoc -Tlint` has nothing to say:
#  - .P where a paragraph would be empty (before and after headings, before .RE) goes, or moves behind the .RE;
#  - the title is upper case;
#  - .nh and .ad l follow .TH, which undoes them where they were;
#  - lines of text are at most 80 bytes long;
#  - "-" in bold and in code blocks is a minus, so that it can be copied from a terminal.

function minus_in_bold(line,    out, at, end, bold) {
  out = ""
  while ((at = index(line, "\\fB")) > 0) {
    out = out substr(line, 1, at + 2)
    line = substr(line, at + 3)
    end = index(line, "\\fR")
    if (end == 0) end = length(line) + 1
    bold = substr(line, 1, end - 1)
    gsub(/-/, "\\-", bold)
    out = out bold
    line = substr(line, end)
  }
  return out line
}

# Prints text in lines of at most 80 bytes; none begins with a roff request.
function print_filled(line,    at, next_char) {
  while (length(line) > 80) {
    for (at = 80; at > 1; at--) {
      next_char = substr(line, at + 1, 1)
      if (substr(line, at, 1) == " " && next_char != " " && next_char != "." && next_char != "'" && \
          substr(line, at - 1, 1) !~ /[ \\]/) break
    }
    if (at <= 1) break  # one long word: left as it is
    print substr(line, 1, at - 1)
    line = substr(line, at + 1)
  }
  print line
}

function flush() {
  if (held) print ".P"
  held = 0
}

/^\.nh$/ || /^\.ad l$/ { next }
/^\.TH / {
  split($0, part, "\"")
  part[2] = toupper(part[2])
  line = part[1]
  for (i = 2; i in part; i++) line = line "\"" part[i]
  print line
  print ".nh"
  print ".ad l"
  after_heading = 1
  next
}
/^\.(SH|SS) / {
  held = 0
  print
  after_heading = 1
  next
}
/^\.P$/ {
  if (!after_heading) held = 1
  next
}
/^\.RE$/ {  # a held paragraph stays held: it comes after the block
  print
  next
}
/^$/ && !code { next }  # scdoc leaves one behind lists
/^\.nf$/ { code = 1 }
/^\.fi$/ { code = 0 }
{
  flush()
  after_heading = 0
  if ($0 ~ /^\./) print
  else if (code) {
    gsub(/-/, "\\-")
    print
  } else print_filled(minus_in_bold($0))
}
