package room

// node: the trie of patterns, a token at each level.

import "strings"

// node is what patterns have in common up to one of their tokens. Guarded by roster.mu.
type node struct {
	parent   *node  // nil for the root; set once
	token    string // set once
	children map[string]*node
	set      *set // who has subscribed to the pattern that ends here; may be nil
}

// find returns the node of a pattern, or nil.
func (n *node) find(pattern string) *node {
	for more := true; more && n != nil; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		n = n.children[token]
	}
	return n
}

// make returns the node of a pattern, which it adds if there is none.
func (n *node) make(pattern string) *node {
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		child := n.children[token]
		if child == nil {
			child = &node{parent: n, token: token}
			if n.children == nil {
				n.children = make(map[string]*node)
			}
			n.children[token] = child
		}
		n = child
	}
	return n
}

// prune removes the node and those above it that nothing is left of.
func (n *node) prune() {
	for n.parent != nil && n.set == nil && len(n.children) == 0 {
		delete(n.parent.children, n.token)
		n = n.parent
	}
}

// match calls visit with the sets of all patterns that match the subject. It looks at no node
// that is not on the way to one of them, or to where the way ends.
func (n *node) match(subject string, visit func(*set)) {
	if rest := n.children[anyRest]; rest != nil {
		visit(rest.set)
	}
	token, subject, more := strings.Cut(subject, ".")
	for _, child := range [...]*node{n.children[token], n.children[anyToken]} {
		switch {
		case child == nil:
		case more:
			child.match(subject, visit)
		case child.set != nil:
			visit(child.set)
		}
	}
}
