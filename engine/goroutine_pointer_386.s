#include "textflag.h"

// func goroutinePointer() uintptr
TEXT ·goroutinePointer(SB), NOSPLIT, $0-4
	MOVL (TLS), AX
	MOVL AX, ret+0(FP)
	RET
