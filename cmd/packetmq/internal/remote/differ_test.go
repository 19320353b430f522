package remote

import (
	"reflect"
	"testing"
)

func TestDifferences(t *testing.T) {
	ours := []Packet{{"a:same", 20, false, 5}, {"a:moved", 21, false, 0}, {"a:typed", 22, false, 1}, {"a:ours", 23, false, 0}, {"a:maybe", 24, true, 0}}
	theirs := []Packet{{"a:theirs", 30, false, 0}, {"a:perhaps", 31, true, 0}, {"a:same", 20, false, 5}, {"a:moved", 40, false, 9}, {"a:typed", 22, false, 2}}
	want := []Difference{
		{"a:maybe", "only here", true},
		{"a:moved", "21 here, 40 there", true},
		{"a:ours", "only here", false},
		{"a:perhaps", "only there", true},
		{"a:theirs", "only there", false},
		{"a:typed", "another type: shape 00000001 here, 00000002 there", false},
	}
	if got := Differences(ours, theirs); !reflect.DeepEqual(got, want) {
		t.Errorf("differences %v\nwant        %v", got, want)
	}
}
