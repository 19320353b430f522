package registry

import "testing"

// A registry keeps one value for each key, and knows nothing of another's.
func TestAttachmentIsKeptWithItsRegistry(t *testing.T) {
	type key struct{ n int }
	a, b := New(), New()
	one := func() any { return 1 }
	two := func() any { return 2 }
	if v := a.Attachment(key{1}, one); v != 1 {
		t.Errorf("got %v, want 1", v)
	}
	if v := a.Attachment(key{1}, two); v != 1 {
		t.Errorf("got %v the second time, want 1", v)
	}
	if v := a.Attachment(key{2}, two); v != 2 {
		t.Errorf("got %v for another key, want 2", v)
	}
	if v := b.Attachment(key{1}, two); v != 2 {
		t.Errorf("another registry has %v, want 2", v)
	}
}
