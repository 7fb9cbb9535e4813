"""The rates as a chart: an SVG of bars, on its own background in light and in dark."""
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
    digits = 0 if rate.median >= 100_000 else 1
    text = f"{rate.median / 1000:,.{digits}f} k/s"
    low, high = LABEL + rate.low * scale, LABEL + rate.high * scale
    return (
        f'<text x="{LABEL - 8}" y="{middle + 4.5:g}" text-anchor="end">{escape(label)}</text>'
        f'<rect class="{_kind(key)}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}"/>'
        f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:g}" y2="{middle:g}"/>'
        f'<text x="{max(LABEL + length, high) + 8:.1f}" y="{middle + 4.5:g}">{text}</text>'
    )


def _groups(parts):
    """For each shape that was measured a heading and bars: the limit, redferry, its peers."""
    for name, shape in SHAPES.items():
        group = [part for part in parts if part.name in (name, f"{name}-peers")]
        bars = {}
        for part in group:
            for key, label in part.labels.items():
                bars.setdefault(key, (label, part.spread(key, lambda result: result.rate)))
        if group:
            yield f"{shape.title}, {group[0].rows:,} rows: rows a second", bars


def svg(parts):
    """Each shape a group of bars on a scale of its own: medians, with a line from the least to the
    greatest. None where no shape was measured.
    """
    lines, top = [], MARGIN
    for heading, bars in _groups(parts):
        scale = (WIDTH - LABEL - ROOM - MARGIN) / max(rate.high for _, rate in bars.values())
        lines.append(f'<text class="head" x="{MARGIN}" y="{top + 14}">{escape(heading)}</text>')
        top += HEAD - 8
        for key, (label, rate) in bars.items():
            lines.append(_bar(key, label, rate, scale, top))
            top += BAR + GAP
        top += HEAD - BAR
    if not lines:
        return None
    height = top - (HEAD - BAR) + MARGIN - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>Rows a second: redferry, the limit, its peers</title>\n<style>{STYLE}</style>\n"
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>\n'
        + "\n".join(lines)
        + "\n</svg>\n"
    )
