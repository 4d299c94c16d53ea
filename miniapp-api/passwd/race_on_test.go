//go:build race

package passwd

const raceDetector = true
