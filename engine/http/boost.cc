// The parts of Boost that need not be compiled with each source that uses them.
#include "http/asio.h"
//
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
