"""What testssl.sh, which nobody here wrote, thinks of the policy `intermediate`; docs/tls-audit.md keeps its report."""
import json

from appliance import SERVER_NAME, SERVICE4, WEB_RSA
from cases import OnBed, limit
from test_other_clients import needs

# What it calls weak is weak.  These are not about TLS as the appliance speaks it.
NOT_OURS = {
    "cert_chain_of_trust": "the test's own authority",
    "cert_trust": "the name is looked up by address here",
    "cert_extlifeSpan": "how long a certificate lives its owner decides",
    "cert_expirationStatus": "the same",
    "cert_notAfter": "the same",
    "cert_crlDistributionPoints": "the test's certificates name no revocation list",
    "cert_ocspURL": "nor a responder",
    "cert_revocation": "nor either",
    "DNS_CAArecord": "the test has no DNS",
    "OCSP_stapling": "the test configures no response",
    "HSTS": "HTTP is the backend's",
}


class TlsAudit(OnBed):
    @needs("testssl")
    @limit(400)
    def test_testssl_finds_no_weakness(self):
        # RSA has all the key exchanges of the policy, DHE among them.
        report = self.bed.directory / f"testssl-{WEB_RSA}.json"
        text = self.bed.client.run(
            "testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min",
            "--openssl-timeout", "5", "--ip", SERVICE4, "--jsonfile", report,
            "--protocols", "--std", "--fs", "--server-defaults", "--vulnerable",
            f"{SERVER_NAME}:{WEB_RSA}", timeout=300, check=False).stdout
        findings = json.loads(report.read_text())
        self.assertGreater(len(findings), 50, text)
        bad = [f"{f['id']}: {f['severity']}: {f['finding']}" for f in findings
               if f["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL") and f["id"].split(" ")[0] not in NOT_OURS]
        self.assertEqual(bad, [], text)
        by_id = {f["id"]: f for f in findings}
        for attack in ("heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego",
                       "CRIME_TLS", "POODLE_SSL", "fallback_SCSV", "SWEET32", "FREAK", "DROWN", "LOGJAM",
                       "BEAST", "LUCKY13", "RC4"):
            self.assertEqual(by_id[attack]["severity"], "OK", by_id[attack])
