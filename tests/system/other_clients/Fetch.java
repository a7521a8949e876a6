// Fetches the page twice with Java's JSSE, the second time with the session of the first.
//
//     java Fetch.java ADDRESS PORT NAME CA-FILE TLSv1.2|TLSv1.3 [GROUPS]
//
// It shows the certificate that the environment names, if any: CLIENT_CERTIFICATE and CLIENT_KEY are
// PEM files, the key in PKCS #8.
import java.io.FileInputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Fetch {
  static Certificate readCertificate(String file) throws Exception {
    try (FileInputStream in = new FileInputStream(file)) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  static KeyManager[] identity() throws Exception {
    String file = System.getenv("CLIENT_CERTIFICATE");
    if (file == null) return null;
    Certificate certificate = readCertificate(file);
    String pem = Files.readString(Path.of(System.getenv("CLIENT_KEY")));
    byte[] pkcs8 = Base64.getMimeDecoder().decode(pem.replaceAll("-----.*-----", ""));
    PrivateKey key =
        KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    char[] password = new char[0];
    KeyStore own = KeyStore.getInstance(KeyStore.getDefaultType());
    own.load(null, null);
    own.setKeyEntry("client", key, password, new Certificate[] {certificate});
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own, password);
    return keys.getKeyManagers();
  }

  public static void main(String[] args) throws Exception {
    String address = args[0];
    int port = Integer.parseInt(args[1]);
    String name = args[2];
    if (args.length > 5) System.setProperty("jdk.tls.namedGroups", args[5]);
    KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
    authorities.load(null, null);
    authorities.setCertificateEntry("ca", readCertificate(args[3]));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(authorities);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(identity(), trust.getTrustManagers(), null);
    for (int i = 0; i < 2; ++i) {
      Socket tcp = new Socket(address, port);
      tcp.setSoTimeout(10_000);
      try (SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(tcp, name, port, true)) {
        SSLParameters parameters = tls.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setProtocols(new String[] {args[4]});
        tls.setSSLParameters(parameters);
        tls.startHandshake();
        String request = "GET / HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n";
        tls.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        String page = new String(tls.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        System.out.println("version=" + tls.getSession().getProtocol() + "\n" + page);
      }
    }
  }
}
