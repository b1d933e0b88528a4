/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/budget.h"

_Thread_local uint32_t budget_spent;
_Thread_local uint32_t budget_waited;
