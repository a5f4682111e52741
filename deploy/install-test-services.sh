#!/bin/sh
# Installs what the tests run against, from Debian's packages. Quiet where all is there.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
have_postgres() { have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
has_module() { test -f "/usr/lib/apache2/modules/$1"; }

missing=""
have_postgres || test -n "${LIENTHONG_TEST_DATABASE_URL:-}" || missing="$missing postgresql"
have redis-server || test -n "${LIENTHONG_TEST_REDIS_URL:-}" || missing="$missing redis-server"
have apache2 || missing="$missing apache2"
has_module mod_auth_openidc.so || missing="$missing libapache2-mod-auth-openidc"
has_module mod_auth_cas.so || missing="$missing libapache2-mod-auth-cas"
has_module mod_auth_mellon.so || missing="$missing libapache2-mod-auth-mellon"
test -d /usr/lib/python3/dist-packages/onelogin/saml2 || missing="$missing python3-onelogin-saml2"
test -f /usr/share/php/CAS.php || missing="$missing php-cas"
have php || missing="$missing php-cli"
php -m 2>/dev/null | grep -qx curl || missing="$missing php-curl"
php -m 2>/dev/null | grep -qx dom || missing="$missing php-xml"
have nginx || missing="$missing nginx-light"
have haproxy || missing="$missing haproxy"
have caddy || missing="$missing caddy"
have php || missing="$missing php-cli"
have chromium || missing="$missing chromium"
have chromedriver || missing="$missing chromium-driver"
{ have slapd || test -x /usr/sbin/slapd; } || missing="$missing slapd"
have ldapsearch || missing="$missing ldap-utils"
have dovecot || missing="$missing dovecot-imapd"
test -n "$(find /usr/lib/dovecot -name libauthdb_ldap.so 2>/dev/null)" || missing="$missing dovecot-ldap"
have xmlsec1 || missing="$missing xmlsec1"
have node || missing="$missing nodejs npm"
test -n "$missing" || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "To run every test, install these Debian packages:$missing" >&2
    exit 0
fi
# The packages would start servers of their own; the tests start private ones instead.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
