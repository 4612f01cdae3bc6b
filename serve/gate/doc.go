// Package gate is what every surface of a server asks before it does anything: who calls (the tokens of [auth]), whether there is room
// (load shedding), and which address may be listened to. It knows no protocol: serve/http and serve/grpc share one Gate, so that a limit
// counts however a caller comes.
package gate
