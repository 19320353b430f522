// Package browser tests the console of package inspect in Chromium.
package browser
