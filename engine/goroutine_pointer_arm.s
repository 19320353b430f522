#include "textflag.h"

// func goroutinePointer() uintptr
TEXT ·goroutinePointer(SB), NOSPLIT, $0-4
	MOVW g, R0
	MOVW R0, ret+0(FP)
	RET
