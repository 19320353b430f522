package peer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// comebackRows are the rows of the table in docs/restart.md.
var comebackRows = []struct {
	name   string
	reason error
	want   Comeback
}{
	{"reason.denied", ReasonDenied, ComebackNever},
	{"reason.versionmismatch", ReasonVersionMismatch, ComebackNever},
	{"reason.nonequalpackets", ReasonNonEqualPackets, ComebackNever},
	{"reason.sameadaptivepolicy", ReasonSameAdaptivePolicy, ComebackNever},
	{"reason.tls", ReasonTLS, ComebackNever},
	{"reason.proxy", ReasonProxy, ComebackNever},
	{"reason.shutdown", ReasonShutdown, ComebackElsewhere},
	{"reason.generic", ReasonGeneric, ComebackLater},
	{"reason.unknown", ReasonUnknown, ComebackLater},
	{"reason.protocol", ReasonProtocol, ComebackLater},
	{"reason.frame", ReasonFrame, ComebackLater},
	{"reason.payload", ReasonPayload, ComebackLater},
	{"reason.timeout", ReasonTimeout, ComebackLater},
	{"reason.handler", ReasonHandler, ComebackLater},
	{"any other", Reason("reason.full"), ComebackLater},
	{"none", io.EOF, ComebackLater},
	{"`peer.ErrClosed`", ErrClosed, ComebackNever},
}

func TestComebackAfterEachReason(t *testing.T) {
	for _, row := range comebackRows {
		for how, reason := range map[string]error{
			"bare": row.reason, "wrapped": fmt.Errorf("wrapped: %w", row.reason),
			"in a Fault": &Fault{Reason("x"), row.reason}, "with how long": &Advice{After: time.Second, cause: row.reason},
		} {
			if r, ok := row.reason.(Reason); how == "in a Fault" && ok {
				reason = &Fault{r, io.EOF}
			} else if how == "in a Fault" {
				continue
			}
			if got := ComebackAfter(reason); got != row.want {
				t.Errorf("%s, %s: %v, want %v", row.name, how, got, row.want)
			}
			if got := Permanent(reason); got != (row.want == ComebackNever) {
				t.Errorf("%s, %s: Permanent is %v", row.name, how, got)
			}
		}
	}
	if got := ComebackAfter(nil); got != ComebackLater {
		t.Errorf("after nil: %v", got)
	}
	if got := ComebackAfter(&Denied{Why: "banned"}); got != ComebackNever {
		t.Errorf("after a Denied: %v", got)
	}
}

// What the other side has advised comes before what its reason says.
func TestComebackAfterAdvice(t *testing.T) {
	for _, test := range []struct {
		advice Advice
		want   Comeback
	}{
		{Advice{Reason: ReasonShutdown, Comeback: ComebackNever}, ComebackNever},
		{Advice{Reason: ReasonShutdown, Comeback: ComebackLater}, ComebackLater},
		{Advice{Reason: ReasonDenied, Comeback: ComebackLater}, ComebackLater},
		{Advice{Reason: ReasonDenied, To: "tcp://g2:7000"}, ComebackElsewhere},
		{Advice{Reason: ReasonGeneric, Comeback: ComebackLater, To: "tcp://g2:7000"}, ComebackElsewhere},
		{Advice{Reason: ReasonGeneric, Comeback: ComebackNever, To: "tcp://g2:7000"}, ComebackNever},
		{Advice{Reason: ReasonDenied, After: time.Second}, ComebackNever},
	} {
		if got := ComebackAfter(&test.advice); got != test.want {
			t.Errorf("%+v: %v, want %v", test.advice, got, test.want)
		}
	}
}

// Each reason of this package has its row in the document, and what the row says is what is
// tested above.
func TestTheTableOfComebacksIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/restart.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) >= 4 {
			rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	tested := make(map[Reason]bool)
	for _, row := range comebackRows {
		name := row.name
		if strings.HasPrefix(name, "reason.") {
			name = "`" + name + "`"
		}
		if got := rows[name]; got != row.want.String() {
			t.Errorf("the row of %s says %q, want %q", name, got, row.want)
		}
		var r Reason
		if errors.As(row.reason, &r) {
			tested[r] = true
		}
	}
	for _, r := range []Reason{ReasonUnknown, ReasonVersionMismatch, ReasonSameAdaptivePolicy, ReasonNonEqualPackets, ReasonGeneric,
		ReasonShutdown, ReasonProtocol, ReasonFrame, ReasonPayload, ReasonTimeout, ReasonHandler, ReasonDenied, ReasonTLS, ReasonProxy} {
		if !known(r) || !tested[r] {
			t.Errorf("%s has no row", r)
		}
	}
}
