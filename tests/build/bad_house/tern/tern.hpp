// SPDX-License-Identifier: MIT
#pragma once

#include <tern/view.hpp>
