"""The rates as a chart: an SVG of bars, which brings its own background for light and dark pages."""
from html import escape

from shapes import SHAPES

WIDTH, LABEL, BAR, GAP, HEAD, MARGIN, ROOM = 760, 210, 18, 6, 34, 20, 90

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600 }
  .limit { fill: #8c959f } .redferry { fill: #cf222e } .peer { fill: #54aeff }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .limit { fill: #6e7681 } .redferry { fill: #ff7b72 } .peer { fill: #1f6feb }
    .spread { stroke: #e6edf3 }
  }
"""

def _kind(key):
    return key.partition("-")[0] if key.startswith(("limit", "redferry")) else "peer"

def _bar(key, label, rate, scale, top):
    middle = top + BAR / 2
    length = max(rate.median * scale, 1)
    text = f"{rate.median / 1000:,.0f} k/s" if rate.median >= 100_000 else f"{rate.median / 1000:,.1f} k/s"
    return (f'<text x="{LABEL - 8}" y="{middle + 4.5:g}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="{_kind(key)}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
            f'<line class="spread" x1="{LABEL + rate.low * scale:.1f}" x2="{LABEL + rate.high * scale:.1f}" '
            f'y1="{middle:g}" y2="{middle:g}"/>'
            f'<text x="{LABEL + max(length, rate.high * scale) + 8:.1f}" y="{middle + 4.5:g}">{text}</text>')

def _groups(parts):
    """A group of bars for each shape: the limit and redferry, and the peers that were beside it."""
    for part in parts:
        beside = next((other for other in parts if other.name == f"{part.name}-peers"), None)
        if part.name in SHAPES or (part.name.endswith("-peers") and part.name[:-6] not in [one.name for one in parts]):
            bars = [(key, label, part) for key, label in part.labels.items()]
            bars += [(key, label, beside) for key, label in (beside.labels if beside else {}).items()
                     if key not in part.labels]
            yield part, [(key, label, of.spread(key, lambda result: result.rate)) for key, label, of in bars]

def svg(parts):
    """Each shape a group of bars on a scale of its own: rows a second, medians, with a line from min to max.

    None where no shape was measured.
    """
    lines, top = [], MARGIN
    for part, bars in _groups(parts):
        scale = (WIDTH - LABEL - ROOM - MARGIN) / max(rate.high for _, _, rate in bars)
        lines.append(f'<text class="head" x="{MARGIN}" y="{top + 14}">'
                     f'{escape(part.title)}, {part.rows:,} rows: rows a second</text>')
        top += HEAD - 8
        for key, label, rate in bars:
            lines.append(_bar(key, label, rate, scale, top))
            top += BAR + GAP
        top += HEAD - BAR
    if not lines:
        return None
    height = top - (HEAD - BAR) + MARGIN - GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img">\n'
            f"<title>Rows a second of redferry, the limit and its peers</title>\n<style>{STYLE}</style>\n"
            f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>\n'
            + "\n".join(lines) + "\n</svg>\n")
