package report

// The plots.

import (
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// chart is values over places that have names, each subject a line. Values are
// on a logarithmic axis: they differ by orders of magnitude.
type chart struct {
	file, title, unit string
	places            []string
	lines             []line
	apart             bool // places have nothing to do with each other: dots only
}

type line struct {
	name   string
	values []float64 // NaN or 0 where there is none
}

// Plots writes the plots of a file into a folder, each as an SVG.
func Plots(dir string, f *result.File) error {
	for _, c := range charts(result.NewTable(f)) {
		if err := c.write(dir); err != nil {
			return err
		}
	}
	return nil
}

func charts(t *result.Table) []chart {
	of := func(m result.Measure) figure {
		return func(s result.Subject, c result.Cell) result.Stat { return t.Of(s, c, m) }
	}
	multiple := func(s result.Subject, c result.Cell) result.Stat { return t.Ratio(s, limit, c, perPacket) }
	cs := []chart{
		overCells(t, "cpu", "Server CPU per packet, as a multiple of limit's", "", result.Closed, "raw", multiple),
		overCells(t, "throughput", "Throughput, one CPU for the server", "packets/s", result.Closed, "raw", of(throughput)),
		overCells(t, "growth", "Server CPU per packet, 64 packets under way on all conns together", "ns", result.Growth, "raw", of(perPacket)),
		overCells(t, "calls", "Server CPU per call, a struct each way", "ns", result.Calls, "", of(perPacket)),
		overCells(t, "rooms", "Server CPU for each member that a packet to a room goes to", "ns", result.Rooms, "", of(perPacket)),
		latencies(t),
		memory(t),
	}
	var full []chart
	for _, c := range cs {
		if c.any() {
			full = append(full, c)
		}
	}
	return full
}

// any tells whether there is a value that can be shown.
func (c *chart) any() bool {
	low, high := c.bounds()
	return low <= high
}

func (c *chart) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range c.lines {
		for _, v := range l.values {
			if shown(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low, high
}

// shown leaves out what is not known, and what has no logarithm.
func shown(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

// figure is what a chart shows of a subject under a cell.
type figure func(result.Subject, result.Cell) result.Stat

// overCells is a chart of the subjects of a group in a mode, or in all modes if that is "".
func overCells(t *result.Table, file, title, unit, group, mode string, of figure) chart {
	c := chart{file: file, title: title, unit: unit}
	cells := t.Cells(group)
	for _, cell := range cells {
		c.places = append(c.places, cell.Name())
	}
	for _, s := range t.Subjects(group, mode) {
		l := line{name: s.String()}
		for _, cell := range cells {
			l.values = append(l.values, of(s, cell).Median)
		}
		c.lines = append(c.lines, l)
	}
	return c
}

func latencies(t *result.Table) chart {
	c := chart{file: "latency", title: "Latency in an open loop at 60 % of each server's own capacity", unit: "µs"}
	for _, q := range percentiles {
		c.places = append(c.places, q.name)
	}
	for _, cell := range t.Cells(result.Open) {
		if cell.Share != 0.6 {
			continue
		}
		for _, s := range t.Subjects(result.Open, "raw") {
			l := line{name: s.String()}
			for _, q := range percentiles {
				l.values = append(l.values, t.Of(s, cell, q.of).Median)
			}
			c.lines = append(c.lines, l)
		}
	}
	return c
}

func memory(t *result.Table) chart {
	c := chart{apart: true, file: "memory", title: "Memory of an idle conn, one of 10,000", unit: "bytes"}
	cells := t.Cells(result.Idle)
	if len(cells) == 0 {
		return c
	}
	resident, live := line{name: "resident"}, line{name: "Go heap and stacks"}
	for _, s := range t.Subjects(result.Idle, "raw") {
		c.places = append(c.places, s.String())
		resident.values = append(resident.values, t.Of(s, cells[0], rss).Median)
		live.values = append(live.values, t.Of(s, cells[0], heap).Median)
	}
	c.lines = []line{resident, live}
	return c
}

func (c *chart) write(dir string) error {
	p, err := c.plot()
	if err != nil {
		return err
	}
	const width, height = 24 * vg.Centimeter, 13 * vg.Centimeter
	svg := vgsvg.New(width, height)
	p.Draw(draw.New(svg))
	return save(filepath.Join(dir, c.file+".svg"), svg)
}

func save(name string, from io.WriterTo) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := from.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (c *chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = c.title
	p.Title.Padding = vg.Millimeter * 3
	p.Y.Label.Text = c.unit
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	p.NominalX(c.places...)
	p.X.Padding = vg.Millimeter * 4
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)
	for i, l := range c.lines {
		if err := l.add(p, i, c.apart); err != nil {
			return nil, err
		}
	}
	low, high := c.bounds()
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Floor(math.Log10(high))+1)
	p.X.Max = float64(len(c.places)) + 0.9 // the names of the lines are there
	p.Legend.Top = true
	p.Legend.Padding = vg.Millimeter
	return p, nil
}

func (l *line) add(p *plot.Plot, i int, apart bool) error {
	var points plotter.XYs
	for x, v := range l.values {
		if shown(v) {
			points = append(points, plotter.XY{X: float64(x), Y: v})
		}
	}
	if len(points) == 0 {
		return nil
	}
	curve, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	curve.Color, curve.Width = colorOf(i), vg.Points(1)
	if l.name == "packetmq" {
		curve.Width = vg.Points(2.5)
	}
	dots.Color, dots.Shape, dots.Radius = colorOf(i), shapes[i%len(shapes)], vg.Points(3)
	if apart {
		p.Add(dots)
		p.Legend.Add(l.name, dots)
		return nil
	}
	p.Add(curve, dots)
	p.Legend.Add(l.name, curve, dots)
	return nil
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}

// colorOf are colours that stay apart for most who do not see all of them; the
// first two are for limit and packetmq.
func colorOf(i int) color.Color {
	colors := []color.RGBA{
		{0, 0, 0, 255}, {213, 94, 0, 255}, {0, 114, 178, 255}, {86, 180, 233, 255}, {0, 158, 115, 255}, {127, 201, 127, 255},
		{204, 121, 167, 255}, {230, 159, 0, 255}, {117, 112, 179, 255}, {153, 153, 153, 255}, {166, 86, 40, 255}, {102, 102, 102, 255},
	}
	return colors[i%len(colors)]
}
