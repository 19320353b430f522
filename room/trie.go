package room

// node: the trie of patterns, a token at each level.

import "strings"

// node is what patterns have in common up to one of their tokens. Guarded by roster.mu.
type node struct {
	parent *node  // nil for the root; set once
	token  string // set once

	// The children. Most nodes have one: a map for each would make a pattern that shares no
	// token with others four times as large.
	only     *node            // the one child, or nil
	children map[string]*node // where there are more, or were

	set *set // who has subscribed to the pattern that ends here; may be nil
}

// child returns the child of a token, or nil.
func (n *node) child(token string) *node {
	if n.only != nil && n.only.token == token {
		return n.only
	}
	return n.children[token]
}

// isLeaf reports whether there is no child.
func (n *node) isLeaf() bool { return n.only == nil && len(n.children) == 0 }

// add adds a child.
func (n *node) add(child *node) {
	if n.isLeaf() {
		n.only = child
		return
	}
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	n.children[child.token] = child
}

// remove removes a child.
func (n *node) remove(child *node) {
	if n.only == child {
		n.only = nil
		return
	}
	if delete(n.children, child.token); len(n.children) == 0 {
		n.children = nil // a map does not shrink
	}
}

// find returns the node of a pattern, or nil.
func (n *node) find(pattern string) *node {
	for more := true; more && n != nil; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		n = n.child(token)
	}
	return n
}

// make returns the node of a pattern, which it adds if there is none.
func (n *node) make(pattern string) *node {
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		child := n.child(token)
		if child == nil {
			child = &node{parent: n, token: token}
			n.add(child)
		}
		n = child
	}
	return n
}

// prune removes the node and those above it that nothing is left of.
func (n *node) prune() {
	for n.parent != nil && n.set == nil && n.isLeaf() {
		n.parent.remove(n)
		n = n.parent
	}
}

// match calls visit with the sets of all patterns that match the subject. It looks at no node
// that is not on the way to one of them, or to where the way ends.
func (n *node) match(subject string, visit func(*set)) {
	if rest := n.child(anyRest); rest != nil {
		visit(rest.set)
	}
	token, subject, more := strings.Cut(subject, ".")
	for _, child := range [...]*node{n.child(token), n.child(anyToken)} {
		switch {
		case child == nil:
		case more:
			child.match(subject, visit)
		case child.set != nil:
			visit(child.set)
		}
	}
}
