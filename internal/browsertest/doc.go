// Package browsertest opens pages in Chromium for tests. It is a module of its own, so that
// nothing else depends on what drives the browser.
//
// A test without a browser is skipped, and says how to get one; with PACKETMQ_NEED_CHROMIUM
// in the environment it fails instead.
package browsertest
