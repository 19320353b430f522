// Package jsonvalue makes payloads of JSON, and JSON of payloads.
//
//	payload, err := jsonvalue.Encode([]byte(`{"Name": "sword", "Price": 3}`))
//	text, err := jsonvalue.Decode(payload)
//
// A number without a point or an exponent is an integer, of up to 64 bits; others are floats,
// and come back with a point. Keys keep their order. What JSON has nothing for is an object
// with one key:
//
//	{"$bytes": "3q2+7w=="}                base64
//	{"$time": "2026-01-02T15:04:05Z"}     RFC 3339
//	{"$float": "NaN"}                     NaN, +Inf, -Inf
//	{"$map": [[1, "one"], [2, "two"]]}    a map whose keys are no texts
//	{"$ext": [5, "3q2+7w=="]}             a type of the program's own, and its bytes
//
// The functions may be called on any goroutine.
package jsonvalue
