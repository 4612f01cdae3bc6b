package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/project"
)

// artifacts are a project's trained models, where [models] artifacts says: in a folder, or in a bucket, of which the folder has what was needed here.
type artifacts struct {
	folder string
	bucket model.Bucket // nil: there is none
	uri    string       // of the bucket: s3://bucket/prefix
	// runtime finds what opens one, by its name in the manifest.
	runtime func(name string) (model.Open, error)
}

// artifactsFolder is where trained models lie where nobody says otherwise.
func artifactsFolder(root string) string { return filepath.Join(root, ".bighead", "models") }

func artifactsOf(p *project.Project) (*artifacts, error) {
	text := p.Config.String("models.artifacts")
	switch {
	case strings.HasPrefix(text, "s3://"):
		b, err := openBucket(text, p.Config.String("files.s3.endpoint"), p.Config.String("files.s3.region"))
		if err != nil {
			return nil, mistakef("[models] artifacts: %v", err)
		}
		return &artifacts{folder: artifactsFolder(p.Root), bucket: b, uri: strings.TrimSuffix(text, "/"), runtime: modelRuntime(p)}, nil
	case strings.Contains(text, "://"):
		return nil, mistakef("[models] artifacts = %q: models lie in a folder, or in s3://bucket/prefix", text)
	}
	return &artifacts{folder: p.Path(text), runtime: modelRuntime(p)}, nil
}

// at is the folder of an artifact, which is fetched where it is not here yet.
func (a *artifacts) at(ctx context.Context, name string) (string, error) {
	if a.bucket != nil {
		if err := model.Download(ctx, a.bucket, name, a.folder); err != nil {
			return "", err
		}
	}
	return filepath.Join(a.folder, name), nil
}

// open opens an artifact.
func (a *artifacts) open(ctx context.Context, name string) (*model.Artifact, error) {
	folder, err := a.at(ctx, name)
	if err != nil {
		return nil, err
	}
	opened, err := model.OpenArtifact(ctx, folder, a.runtime)
	return opened, a.cured(err)
}

// tryOpen opens a version's artifact and lets go of it: what cannot be opened is not to be what anybody asks. doing says what is not done then.
func (a *artifacts) tryOpen(ctx context.Context, v *catalog.ModelVersion, doing string) error {
	opened, err := a.open(ctx, v.Artifact)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		return mistakef("%s@%d cannot be opened, and so is not %s: %v", v.Model, v.Number, doing, err)
	}
	return opened.Close()
}

// cured says of an artifact that is not what it was how it is had again.
func (a *artifacts) cured(err error) error {
	switch {
	case !errors.Is(err, model.ErrDamaged):
		return err
	case a.bucket != nil:
		return fmt.Errorf("%w; remove that folder, and it is fetched from %s again", err, a.uri)
	}
	return fmt.Errorf("%w; bring that folder back from a copy, or train again: nothing else has the version's files", err)
}

// manifest reads what an artifact says of itself.
func (a *artifacts) manifest(ctx context.Context, name string) (*model.Manifest, error) {
	folder, err := a.at(ctx, name)
	if err != nil {
		return nil, err
	}
	m, err := model.ReadManifest(ctx, folder)
	return m, a.cured(err)
}

// share has others find an artifact of the folder; nothing is left to do where there is no bucket.
func (a *artifacts) share(ctx context.Context, name string) error {
	if a.bucket == nil {
		return nil
	}
	return model.Upload(ctx, a.bucket, filepath.Join(a.folder, name))
}

// location is the URI of an artifact.
func (a *artifacts) location(name string) string {
	if a.bucket != nil {
		return a.uri + "/" + name
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(a.folder, name))}).String()
}

// shareNew uploads the artifact of a version that is to be registered: before the catalog hears of it, whoever may read there has it whole.
func (c *cli) shareNew(ctx context.Context, a *artifacts, name string) error {
	if a.bucket == nil {
		return nil
	}
	done := c.step("upload")
	if err := a.share(ctx, name); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("the version is not registered, for others would not find it: %w", err)
	}
	done("to " + a.location(name))
	return nil
}
