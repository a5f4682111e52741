<?php
// Verifies a signed one-time ticket with PHP's own functions alone (PHP 7.1 and newer).
//
// As a program: one ticket on each line of the standard input; it prints "ok <sub>" or "refused".
//     TICKET_SECRET=… php ticket.php https://id.example onestop STATE

declare(strict_types=1);

/**
 * The claims of the ticket, or null. $state is what this browser's cookie holds.
 *
 * $firstTime($jti, $exp) remembers $jti until $exp and is true only once for it: an INSERT into a
 * table with a unique key, shared by all processes.
 */
function verify_ticket(
    string $ticket,
    string $secret,
    string $issuer,
    string $system,
    string $state,
    callable $firstTime
): ?array {
    $parts = explode('.', $ticket);
    if (count($parts) !== 3 || $secret === '' || $state === '') {
        return null;
    }
    [$head, $payload, $signature] = $parts;
    $expected = base64url_encode(hash_hmac('sha256', "$head.$payload", $secret, true));
    if (!hash_equals($expected, $signature)) {
        return null; // nothing unsigned is ever parsed
    }
    $header = json_decode(base64url_decode($head), true);
    $claims = json_decode(base64url_decode($payload), true);
    if (!is_array($header) || !is_array($claims)) {
        return null;
    }
    $known = ($header['alg'] ?? null) === 'HS256' && ($header['typ'] ?? null) === 'ticket+jwt';
    $ours = ($claims['iss'] ?? null) === $issuer && ($claims['aud'] ?? null) === $system;
    $exp = $claims['exp'] ?? null;
    $given = $claims['state'] ?? null;
    $jti = $claims['jti'] ?? null;
    if (!$known || !$ours || !is_int($exp) || time() >= $exp) {
        return null;
    }
    if (!is_string($given) || !hash_equals($state, $given)) {
        return null;
    }
    if (!is_string($jti) || !$firstTime($jti, $exp)) {
        return null;
    }
    return $claims;
}

function base64url_encode(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function base64url_decode(string $text): string
{
    return (string) base64_decode(strtr($text, '-_', '+/'), true);
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    $seen = [];
    $firstTime = function (string $jti, int $exp) use (&$seen): bool {
        $new = !isset($seen[$jti]);
        $seen[$jti] = $exp;
        return $new;
    };
    while (($line = fgets(STDIN)) !== false) {
        $claims = verify_ticket(
            trim($line),
            (string) getenv('TICKET_SECRET'),
            $argv[1],
            $argv[2],
            $argv[3],
            $firstTime
        );
        echo $claims === null ? "refused\n" : "ok {$claims['sub']}\n";
    }
}
