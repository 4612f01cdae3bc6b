package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve/gate"
)

// openGate is who may ask this project's server for what, by its settings.
func openGate(p *project.Project) (*gate.Gate, error) {
	var tokens *gate.Tokens
	if file := p.Config.String("auth.tokens_file"); file != "" {
		var err error
		if tokens, err = gate.ReadTokens(inProject(p, file)); err != nil {
			return nil, mistakef("%v", err)
		}
	}
	return gate.New(tokens, int(p.Config.Int("serve.max_inflight"))), nil
}

// followTokens takes in the file of tokens when it changes, or at once on SIGHUP, until ctx ends.
func (s *surface) followTokens(ctx context.Context) {
	file := s.online.project.Config.String("auth.tokens_file")
	if file == "" {
		return
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	s.gate.Follow(ctx, inProject(s.online.project, file), hup, s.online.log)
}
