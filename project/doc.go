// Package project is a user's folder: bighead.toml with its profiles and secrets, and the definition files that a Python
// process records.
//
// Open finds the folder and reads the settings: each value knows whether a flag, the environment, a file or the table of
// defaults gave it. Record runs the definition files in a bare Python, with a time limit and in a process group of its
// own, and gives what they defined, places overridden by the settings. RecordUnits does the same for texts that stand in
// other files, such as the define blocks of test scripts, many in one process.
//
// The room must not know engines, stores or what a definition means: settings are words to it, and a definition is
// recorded, never checked. A new setting is one line in the table of settings.go.
package project
