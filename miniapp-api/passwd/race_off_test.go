//go:build !race

package passwd

const raceDetector = false
