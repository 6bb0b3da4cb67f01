#!/bin/sh
# Makes sure that there is a Chromium for the browser tests: the one that is found, else Debian's.
# Ends with status 0 also where it cannot: the tests then say why they are skipped (or fail, with CI=true).

for name in "${FERMATA_CHROMIUM:-chromium}" chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  as_root="none"
fi

if command -v apt-get >/dev/null 2>&1 && [ "$as_root" != none ]; then
  echo "Installing Chromium for the browser tests (apt-get install chromium) ..."
  export DEBIAN_FRONTEND=noninteractive
  if $as_root apt-get update -qq >/dev/null 2>&1; $as_root apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; then
    exit 0
  fi
  echo "apt-get could not install it."
fi
echo "There is no Chromium: the browser tests are left out. To run them: apt install chromium," \
  "or name a browser: FERMATA_CHROMIUM=/path/to/chrome make test"
