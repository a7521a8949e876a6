"""An authority that issues certificates for clients, and revokes them, with the openssl command."""
import pathlib

import testbed


class Authority:
    def __init__(self, directory: pathlib.Path, name: str):
        self.directory = directory / name
        self.chain = self.directory / "ca.pem"
        self.crl = self.directory / "crl.pem"
        self.configuration = self.directory / "ca.cnf"
        if self.directory.exists():  # as it was before Sallyport was started again
            return
        self.directory.mkdir()
        key = self.directory / "ca.key"
        testbed.command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-sha256", "-days", "30", "-subj", f"/CN={name}", "-keyout", key, "-out", self.chain)
        (self.directory / "index").write_text("")
        self.configuration.write_text(f"""
[ca]
default_ca = this
[this]
database = {self.directory}/index
new_certs_dir = {self.directory}
certificate = {self.chain}
private_key = {key}
default_md = sha256
default_days = 30
default_crl_days = 30
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
""")
        self.write_list()

    def issue(self, name: str, kind: str = "ecdsa", *validity) -> testbed.Certificate:
        """issue makes a key and its certificate; `validity` are words for `openssl ca`."""
        made = testbed.Certificate(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request = self.directory / f"{name}.csr"
        testbed.command("openssl", "req", *testbed.NEW_KEY[kind], "-nodes", "-subj", f"/CN={name}",
                        "-keyout", made.key, "-out", request)
        self.ca("-batch", "-notext", "-in", request, "-out", made.chain, *validity)
        return made

    def revoke(self, certificate: testbed.Certificate) -> None:
        self.ca("-revoke", certificate.chain)
        self.write_list()

    def write_list(self) -> None:
        """write_list replaces the list of revocations in one step."""
        new = self.directory / "crl.new"
        self.ca("-gencrl", "-out", new)
        new.rename(self.crl)

    def ca(self, *words) -> None:
        testbed.command("openssl", "ca", "-config", self.configuration, *words)
