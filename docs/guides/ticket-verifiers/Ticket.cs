// Verifies a signed one-time ticket with .NET alone (.NET 6 and newer).
//
// As a program: one ticket on each line of the standard input; it prints "ok <sub>" or "refused".
//     TICKET_SECRET=… dotnet run https://id.example onestop STATE

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

public sealed class Ticket
{
    private readonly string _secret;
    private readonly string _issuer;
    private readonly string _system;
    private readonly Func<string, long, bool> _firstTime;

    /// <param name="firstTime">Remembers a jti until its exp and is true only once for it: an INSERT
    /// into a table with a unique key, shared by all processes.</param>
    public Ticket(string secret, string issuer, string system, Func<string, long, bool> firstTime)
    {
        _secret = secret;
        _issuer = issuer;
        _system = system;
        _firstTime = firstTime;
    }

    /// <summary>The claims of the ticket, or null. `state` is what this browser's cookie holds.</summary>
    public JsonElement? Verify(string ticket, string state)
    {
        var parts = ticket.Split('.');
        if (parts.Length != 3 || _secret.Length == 0 || string.IsNullOrEmpty(state))
        {
            return null;
        }
        if (!Same(Sign(parts[0] + "." + parts[1]), parts[2]))
        {
            return null; // nothing unsigned is ever parsed
        }
        try
        {
            var header = JsonDocument.Parse(Decode(parts[0])).RootElement;
            var claims = JsonDocument.Parse(Decode(parts[1])).RootElement;
            if (Text(header, "alg") != "HS256" || Text(header, "typ") != "ticket+jwt")
            {
                return null;
            }
            if (Text(claims, "iss") != _issuer || Text(claims, "aud") != _system)
            {
                return null;
            }
            var exp = claims.GetProperty("exp").GetInt64();
            if (DateTimeOffset.UtcNow.ToUnixTimeSeconds() >= exp)
            {
                return null;
            }
            if (!Same(state, Text(claims, "state")))
            {
                return null;
            }
            return _firstTime(Text(claims, "jti"), exp) ? claims : null;
        }
        catch (Exception wrong) when (wrong is JsonException or FormatException
            or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private string Sign(string text)
    {
        using var mac = new HMACSHA256(Encoding.UTF8.GetBytes(_secret));
        return Convert.ToBase64String(mac.ComputeHash(Encoding.UTF8.GetBytes(text)))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private static string Text(JsonElement document, string name) =>
        document.GetProperty(name).GetString() ?? throw new FormatException(name);

    private static bool Same(string one, string other) =>
        CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    private static byte[] Decode(string part)
    {
        var text = part.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
    }

    public static void Main(string[] arguments)
    {
        var seen = new HashSet<string>();
        var tickets = new Ticket(
            Environment.GetEnvironmentVariable("TICKET_SECRET") ?? "",
            arguments[0],
            arguments[1],
            (jti, _) => seen.Add(jti));
        for (string? line; (line = Console.ReadLine()) != null;)
        {
            var claims = tickets.Verify(line.Trim(), arguments[2]);
            Console.WriteLine(
                claims is { } found ? "ok " + found.GetProperty("sub").GetString() : "refused");
        }
    }
}
