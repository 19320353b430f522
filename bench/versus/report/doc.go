// Package report makes a result file readable: tables as Markdown, plots as SVG, and for each figure that packetmq sets itself whether it was reached.
package report
