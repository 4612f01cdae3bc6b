// Package secure holds how a connection to somebody else's server is secured, and what helps where it is not: the settings of TLS as files, in
// one place for all that connect, and what an error of a handshake wants.
//
// It knows no protocol that is spoken within, and none of the settings' sections: whoever connects names its own in messages.
package secure
