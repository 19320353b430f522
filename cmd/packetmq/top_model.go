package main

// topModel: top in a terminal, as bubbletea has it: messages change it, on one goroutine, and
// its View is drawn.

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/packetmq/packetmq/inspect"
)

// topModel is a tea.Model.
type topModel struct {
	ctx context.Context
	cfg *topConfig

	view      view
	err       error // of the last update; what was shown before stays
	fatal     error // of the first update, which ends the program
	updates   int
	asked     int  // number of the last request: answers to earlier ones are dropped
	filtering bool // keys go into the filter
	before    string
	height    int
}

// updateMsg is an answer of the console.
type updateMsg struct {
	asked    int
	snapshot *inspect.Snapshot
	err      error
}

// tickMsg says that it is time for the next update.
type tickMsg struct{ asked int }

func newTopModel(ctx context.Context, cfg *topConfig) *topModel {
	return &topModel{ctx: ctx, cfg: cfg, view: view{addr: cfg.addr, query: cfg.query}}
}

// Init implements tea.Model.
func (m *topModel) Init() tea.Cmd { return m.ask() }

// ask asks for an update, for which earlier answers are dropped.
func (m *topModel) ask() tea.Cmd {
	m.asked++
	asked, query := m.asked, m.view.query
	return func() tea.Msg {
		s, err := m.cfg.from.Snapshot(m.ctx, query)
		return updateMsg{asked, s, err}
	}
}

// Update implements tea.Model.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case updateMsg:
		return m, m.take(msg)
	case tickMsg:
		if msg.asked == m.asked {
			return m, m.ask()
		}
	case tea.WindowSizeMsg:
		m.height = msg.Height
		m.view.width = msg.Width
		m.view.rows = m.rows()
	case tea.KeyPressMsg:
		if m.filtering {
			return m, m.filterKey(msg)
		}
		return m, m.key(msg)
	}
	return m, nil
}

// take shows an answer, and has the next one asked for after a while.
func (m *topModel) take(u updateMsg) tea.Cmd {
	if u.asked != m.asked {
		return nil
	}
	m.updates++
	switch m.err = u.err; {
	case u.err == nil:
		m.view.take(u.snapshot)
	case m.view.now == nil:
		m.fatal = u.err
		return tea.Quit
	}
	if m.updates == m.cfg.updates {
		return tea.Quit
	}
	return tea.Tick(m.cfg.every, func(time.Time) tea.Msg { return tickMsg{u.asked} })
}

// key obeys a key.
func (m *topModel) key(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "q", "esc", "ctrl+c":
		return tea.Quit
	case "s":
		i := slices.Index(sortKeys, m.view.query.Sort)
		m.view.query.Sort = sortKeys[(i+1)%len(sortKeys)]
		return m.ask()
	case "S":
		i := slices.Index(sortKeys, m.view.query.Sort)
		m.view.query.Sort = sortKeys[(i+len(sortKeys)-1)%len(sortKeys)]
		return m.ask()
	case "r":
		m.view.query.Ascending = !m.view.query.Ascending
		return m.ask()
	case "/":
		m.filtering, m.before = true, m.view.query.Filter
	case "tab":
		m.view.showPackets = !m.view.showPackets
	}
	return nil
}

// filterKey changes the filter.
func (m *topModel) filterKey(k tea.KeyPressMsg) tea.Cmd {
	filter := []rune(m.view.query.Filter)
	switch k.String() {
	case "enter":
		m.filtering = false
		return nil
	case "esc", "ctrl+c":
		m.filtering, filter = false, []rune(m.before)
	case "backspace":
		filter = filter[:max(len(filter)-1, 0)]
	default:
		if k.Text == "" {
			return nil
		}
		filter = append(filter, []rune(k.Text)...)
	}
	m.view.query.Filter = string(filter)
	return m.ask()
}

// rows is how many rows of the table there is room for.
func (m *topModel) rows() int {
	room := max(m.height-headLines-1, 1) // the last line is for keys
	if m.cfg.query.Rows > 0 {
		return min(room, m.cfg.query.Rows)
	}
	return room
}

// View implements tea.Model.
func (m *topModel) View() tea.View {
	v := tea.NewView(m.text())
	v.AltScreen = true
	return v
}

// text is what is shown.
func (m *topModel) text() string {
	last := "s sort  r reverse  / filter  tab packets  q quit"
	switch {
	case m.filtering:
		last = "filter: " + m.view.query.Filter + "_  (enter: keep, esc: as before)"
	case m.err != nil:
		last = "no update: " + clean(m.err.Error())
	}
	return m.view.text() + cut(last, m.view.width)
}
