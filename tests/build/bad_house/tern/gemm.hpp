// SPDX-License-Identifier: MIT
// Fault: public, but not in the umbrella.
#pragma once

#include <tern/view.hpp>
