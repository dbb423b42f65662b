# SPDX-License-Identifier: Apache-2.0
"""Bar charts as SVG, written by hand: lengths are proportional, from zero."""
from xml.sax.saxutils import escape

COLORS = {"ours": "#1f6feb", "peer": "#8c959f", "limit": "#d4a72c"}
ROW, LEFT, RIGHT, TOP = 24, 300, 90, 48
WIDTH = 860


def bars(title, unit, rows):
    """`rows`: (name, kind, value). The largest bar takes the whole width."""
    most = max((value for _, _, value in rows), default=1) or 1
    height = TOP + ROW * len(rows) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold" fill="#1f2328">{escape(title)}</text>',
        f'<text x="{WIDTH - 12}" y="24" text-anchor="end" fill="#59636e">{escape(unit)}</text>',
    ]
    for index, (name, kind, value) in enumerate(rows):
        y = TOP + ROW * index
        length = max(1.0, value / most * (WIDTH - LEFT - RIGHT))
        weight = ' font-weight="bold"' if kind == "ours" else ""
        parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end" fill="#1f2328"{weight}>{escape(name)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{ROW - 6}" fill="{COLORS[kind]}"/>')
        parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}" fill="#1f2328">{value:.3g}</text>')
    x = LEFT
    for kind, name in (("ours", "this toolkit"), ("peer", "peers"), ("limit", "limits of the machine")):
        parts.append(f'<rect x="{x}" y="{height - 24}" width="12" height="12" fill="{COLORS[kind]}"/>')
        parts.append(f'<text x="{x + 18}" y="{height - 14}" fill="#59636e">{name}</text>')
        x += 40 + 7 * len(name)
    return "\n".join(parts) + "\n</svg>\n"
