package beside

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestMain makes the test's own program the server as well.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		if err := Serve(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serving(how string) (string, []string) { return os.Args[0], []string{"serve", how} }

func TestEachWayIsMeasured(t *testing.T) {
	results, err := Run(t.Context(), &Config{Rounds: 1, Window: time.Second, Command: serving, Err: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 3 || results[0].How != One || results[0].Ratio != 1 {
		t.Fatalf("got %+v, want one reactor first, beside which the others are", results)
	}
	for _, r := range results {
		if r.P99 <= 0 || r.Max < r.P99 || r.P99 < r.P50 {
			t.Errorf("%s: %+v are no quantiles", r.How, r)
		}
	}
}

func TestAServerThatFailsIsNamed(t *testing.T) {
	_, err := Run(t.Context(), &Config{
		Rounds: 1, Window: time.Second, Err: t.Output(),
		Command: func(string) (string, []string) { return "false", nil },
	})
	if err == nil {
		t.Error("a server that ends at once gave figures")
	}
}
