// Fetches the page twice with Java's JSSE, the second time with the session of the first.
//
//     java Fetch.java ADDRESS PORT NAME CA-FILE TLSv1.2|TLSv1.3 [GROUPS]
import java.io.FileInputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Fetch {
  public static void main(String[] args) throws Exception {
    String address = args[0];
    int port = Integer.parseInt(args[1]);
    String name = args[2];
    if (args.length > 5) System.setProperty("jdk.tls.namedGroups", args[5]);
    KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
    authorities.load(null, null);
    try (FileInputStream in = new FileInputStream(args[3])) {
      authorities.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(authorities);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
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
