#!/bin/bash
# loaded.sh - after site.sh: shop.tar is loaded into test, approved, and loaded into prod.  Prints nothing.
set -eu
export GAPFERRY_STATE=$PWD/state GAPFERRY_CONFIG=$PWD/config
{
	gapferry unpack --env test shop.tar
	gapferry approve --env prod --site a --key carol.pem shop.tar
	gapferry unpack --env prod shop.tar
} >/dev/null 2>&1
